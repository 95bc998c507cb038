/** Correcting what is drawn: a drawing of one's own, kept as it goes and saved as a new version. */
import { Editor } from "./editor";
import type { Stage } from "../stage";

/** Does nothing for who may only look: their page has no panel for it. */
export function mountEditing(stage: Stage): void {
  const root = stage.root.querySelector<HTMLElement>("[data-edit]");
  if (root !== null && stage.manifest.may_edit) new Editor(stage, root);
}
