/** The column of tools: one is chosen at a time, and actions are pressed. */
import { bind } from "./keys";
import type { Stage } from "./stage";

interface Entry {
  label: string;
  key: string;
  /** What stands in the sheet of shortcuts; the label where nothing is said. */
  words?: string;
  /** The path of a 24 x 24 drawing in strokes. */
  icon: string;
  group?: string;
}

function makeButton(stage: Stage, entry: Entry): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tool";
  button.title = `${entry.words ?? entry.label} (${entry.key})`;
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", entry.icon);
  drawing.append(path);
  const name = document.createElement("span");
  name.textContent = entry.label;
  const key = document.createElement("kbd");
  key.textContent = entry.key;
  key.setAttribute("aria-hidden", "true");
  button.append(drawing, name, key);
  const column = stage.root.querySelector("[data-tools]");
  (column?.querySelector(`[data-tool-group="${entry.group ?? "Look"}"]`) ?? column)?.append(button);
  return button;
}

/** A tool that stays chosen: `name` is what `stage.tool` is then, null for the crosshair. */
export function addTool(stage: Stage, name: string | null, entry: Entry): HTMLButtonElement {
  const button = makeButton(stage, entry);
  const choose = (): void => stage.setTool(name);
  const mark = (): void => button.setAttribute("aria-pressed", String(stage.tool === name));
  button.dataset.chooses = name ?? "crosshair";
  button.addEventListener("click", choose);
  bind(entry.key, entry.words ?? entry.label, choose, entry.group);
  stage.onTool(mark);
  mark();
  return button;
}

/** A button that does something once. */
export function addAction(stage: Stage, entry: Entry, action: () => void): HTMLButtonElement {
  const button = makeButton(stage, entry);
  button.addEventListener("click", action);
  bind(entry.key, entry.words ?? entry.label, action, entry.group);
  return button;
}
