/** The panel of corrections: what is in hand, how it is kept, and saving it. */
import type { Manifest } from "../manifest";
import type { Keeping } from "./autosave";
import { colourIndex } from "./colours";
import type { DrawingState, Version } from "./server";
import type { Session } from "./session";

/** As many lesions are listed; a long tail of specks would hide the rest. */
const LISTED = 40;

export function clock(moment: Date | string): string {
  const at = new Date(moment);
  const isToday = at.toDateString() === new Date().toDateString();
  const time = at.toLocaleTimeString("en-GB");
  if (isToday) return time;
  const day = at.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  return `${day}, ${time.slice(0, 5)}`;
}

/** A choice that a person is asked to make, as buttons. */
export interface Choice {
  label: string;
  action: () => void;
}

export class Panel {
  constructor(
    private readonly root: HTMLElement,
    private readonly manifest: Manifest,
  ) {}

  find<T extends HTMLElement>(name: string): T {
    const found = this.root.querySelector<T>(`[data-edit-${name}]`);
    if (found === null) throw new Error(`the panel has no ${name}`);
    return found;
  }

  press(name: string, action: () => void): void {
    this.find(name).addEventListener("click", action);
  }

  showEditing(isEditing: boolean): void {
    const hadFocus = this.root.contains(document.activeElement);
    this.find("idle").hidden = isEditing;
    this.find("on").hidden = !isEditing;
    if (isEditing) this.root.parentElement?.scrollTo({ top: 0 });
    if (hadFocus) this.find(isEditing ? "smaller" : "start").focus();
  }

  /** A message with what can be done about it; an empty one goes away. */
  ask(message: string, choices: Choice[] = []): void {
    const box = this.find("question");
    const hadFocus = box.contains(document.activeElement);
    box.hidden = message === "";
    box.replaceChildren();
    // The button that was pressed is gone: the keyboard goes on in the panel.
    if (hadFocus) this.find(this.find("on").hidden ? "start" : "smaller").focus();
    if (message === "") return;
    const words = document.createElement("p");
    words.textContent = message;
    const buttons = choices.map(({ label, action }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button small";
      button.textContent = label;
      button.addEventListener("click", action);
      return button;
    });
    box.append(words, ...buttons);
  }

  /** Another window of the same person keeps another drawing, or has ended this one. */
  askWhichToKeep(
    { message, revision }: { message: string; revision: number },
    load: () => void,
    takeOver: () => void,
  ): void {
    const isGone = revision === 0;
    const keep = () => {
      this.ask("");
      takeOver();
    };
    this.ask(message, [
      { label: isGone ? "Let it go" : "Load the kept one", action: load },
      { label: isGone ? "Keep it anew" : "Keep this one in its place", action: keep },
    ]);
  }

  showKeeping(keeping: Keeping): void {
    const line = this.find("keeping");
    line.textContent = keepingWords(keeping);
    line.dataset.kind = keeping.kind;
    line.classList.toggle("is-bad", keeping.kind === "failed" || keeping.kind === "conflict");
  }

  showState(state: DrawingState): void {
    this.find("others").textContent = othersWords(state);
    this.find("others").hidden = state.others.length === 0;
    const newer = this.find("newer");
    newer.hidden = state.newer === null;
    newer.textContent = state.newer === null ? "" : `There is now ${describe(state.newer)}.`;
    this.find("save").textContent = `Save as version ${state.next_version}`;
  }

  showSession(session: Session, inHand: (lesion: number) => void): void {
    this.find("size").textContent = this.sizeWords(session.size);
    this.find<HTMLInputElement>("ball").checked = session.isBall;
    this.find<HTMLInputElement>("bounded").checked = session.bounds !== null;
    this.find<HTMLButtonElement>("undo").disabled = !session.history.canUndo;
    this.find<HTMLButtonElement>("redo").disabled = !session.history.canRedo;
    this.find("total").textContent = this.amount(session.drawing.total);
    this.listLesions(session, inHand);
  }

  private listLesions(session: Session, inHand: (lesion: number) => void): void {
    const { drawing } = session;
    const values = drawing.values.sort((a, b) => drawing.counts[b]! - drawing.counts[a]!);
    if (!values.includes(session.lesion)) values.unshift(session.lesion);
    const shown = values.slice(0, LISTED);
    if (!shown.includes(session.lesion)) shown.unshift(session.lesion);
    const rows = shown.map((value) => this.lesionRow(session, value, inHand));
    const list = this.find("lesions");
    const hadFocus = list.contains(document.activeElement);
    list.replaceChildren(...rows);
    if (hadFocus) list.querySelector<HTMLInputElement>("input:checked")?.focus();
  }

  private lesionRow(session: Session, value: number, inHand: (lesion: number) => void): HTMLElement {
    const row = document.createElement("label");
    row.className = "edit-lesion";
    const choice = document.createElement("input");
    choice.type = "radio";
    choice.name = "edit-lesion";
    choice.value = String(value);
    choice.checked = value === session.lesion;
    choice.addEventListener("change", () => inHand(value));
    const swatch = document.createElement("span");
    swatch.className = `swatch lesion-${colourIndex(value)}`;
    const name = document.createElement("span");
    const count = session.drawing.counts[value]!;
    name.textContent = count === 0 ? `Lesion ${value} (new)` : `Lesion ${value}`;
    const size = document.createElement("output");
    size.textContent = this.amount(count);
    row.append(choice, swatch, name, size);
    return row;
  }

  /** So many voxels in mL, or in pixels or voxels where the scan has no size. */
  amount(voxels: number): string {
    const { scan } = this.manifest;
    if (scan.has_physical_size) return `${(voxels * voxelMl(this.manifest)).toFixed(2)} mL`;
    const unit = scan.kind === "picture" ? "pixels" : "voxels";
    return `${voxels.toLocaleString("en-GB")} ${unit}`;
  }

  private sizeWords(size: number): string {
    const isPicture = this.manifest.scan.kind === "picture";
    if (size === 0) return isPicture ? "1 pixel" : "1 voxel";
    if (this.manifest.scan.has_physical_size) return `${size} mm`;
    return `${size} ${isPicture ? "pixels" : "voxels"}`;
  }
}

export function voxelMl(manifest: Manifest): number {
  const [[a, b, c], [d, e, f], [g, h, i]] = manifest.scan.grid as unknown as number[][] as [
    [number, number, number],
    [number, number, number],
    [number, number, number],
  ];
  return Math.abs(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)) / 1000;
}

export function describe(version: Version): string {
  const when = version.finished_at === null ? "" : ` of ${clock(version.finished_at)}`;
  return `version ${version.version} by ${version.source}${when}`;
}

function keepingWords(keeping: Keeping): string {
  switch (keeping.kind) {
    case "unchanged":
      return "Nothing changed yet";
    case "waiting":
      return "Unsaved drawing, not kept yet";
    case "keeping":
      return "Unsaved drawing, keeping it …";
    case "kept":
      return `Unsaved drawing, kept ${clock(keeping.at)}`;
    case "failed":
      return `Not kept, trying again: ${keeping.message}`;
    case "conflict":
      return "Not kept: please choose above";
  }
}

function othersWords(state: DrawingState): string {
  const names = state.others.map((other) => `${other.name} (last change ${clock(other.changed_at)})`);
  const verb = names.length === 1 ? "is" : "are";
  return `${names.join(", ")} ${verb} drawing on this scan too. Each has a drawing of their own.`;
}
