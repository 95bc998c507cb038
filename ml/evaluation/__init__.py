"""How good a model is on a labelled data set: by patient, by slice and pooled."""
