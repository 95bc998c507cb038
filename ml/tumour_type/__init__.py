"""The type of tumour on one contrast-enhanced slice: probabilities, or "uncertain"."""

from ml.tumour_type.model import TypeFinding, TypeModel, load_type_model, type_model_ships

__all__ = ["TypeFinding", "TypeModel", "load_type_model", "type_model_ships"]
