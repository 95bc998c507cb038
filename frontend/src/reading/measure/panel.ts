/** The list of what was measured by hand: value, author and date, to jump to and to remove. */
import type { Voxel } from "../manifest";
import { AXES } from "../panes";
import type { Stage } from "../stage";
import type { Ruler } from "./geometry";
import { automaticValue, keptValue, NAMES, type Shape } from "./shapes";
import type { Store } from "./store";

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

function day(iso: string): string {
  const date = new Date(iso);
  return `${date.getDate()} ${MONTHS[date.getMonth()]} ${date.getFullYear()}`;
}

/** The middle of its points, to which the crosshair jumps. */
function middle(points: Voxel[]): Voxel {
  return [0, 1, 2].map((n) => points.reduce((sum, p) => sum + p[n]!, 0) / points.length) as Voxel;
}

function button(words: string, className: string, action: () => void): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = `button small ${className}`;
  made.textContent = words;
  made.addEventListener("click", action);
  return made;
}

function span(words: string, className = ""): HTMLSpanElement {
  const made = document.createElement("span");
  made.className = className;
  made.textContent = words;
  return made;
}

export class Panel {
  chosen: string | null = null;
  private readonly list: HTMLElement;
  private readonly empty: HTMLElement | null;
  private readonly problem: HTMLElement | null;
  private readonly hint: HTMLElement | null;

  constructor(
    private readonly stage: Stage,
    private readonly store: Store,
    private readonly ruler: Ruler,
    root: HTMLElement,
  ) {
    const list = root.querySelector<HTMLElement>("[data-measures]");
    if (list === null) throw new Error("the panel has no list of measures");
    this.list = list;
    this.empty = root.querySelector("[data-no-measures]");
    this.problem = root.querySelector("[data-measure-problem]");
    this.hint = root.querySelector("[data-measure-hint]");
    store.onChange(() => this.fill());
    const lesions = stage.root.querySelector("[data-lesions]");
    // Rows of smaller lesions are only added when they are asked for.
    if (lesions !== null) {
      new MutationObserver(() => this.markLesions()).observe(lesions, { childList: true });
    }
  }

  say(problem: string): void {
    if (this.problem === null) return;
    this.problem.hidden = problem === "";
    this.problem.textContent = problem;
  }

  suggest(hint: string): void {
    if (this.hint === null || this.hint.textContent === hint) return;
    this.hint.hidden = hint === "";
    this.hint.textContent = hint;
  }

  private fill(): void {
    const shapes = this.store.byHand;
    this.list.replaceChildren(...shapes.map((shape) => this.item(shape)));
    if (this.empty !== null) this.empty.hidden = shapes.length > 0;
    this.markLesions();
  }

  private item(shape: Shape): HTMLElement {
    const hand = shape.hand!;
    const value = keptValue(hand);
    const item = document.createElement("li");
    item.dataset.measure = hand.id;
    item.classList.toggle("is-chosen", this.chosen === hand.id);
    const go = button(value, "plain", () => this.goTo(shape));
    if (shape.lesion !== null) go.prepend(this.swatch(shape));
    const slice = this.sliceOf(shape);
    go.setAttribute("aria-label", `Go to ${NAMES[shape.kind].toLowerCase()} ${value}, ${slice}`);
    item.append(go, span(`${this.title(shape)} · ${slice}`, "measure-where"));
    if (this.stage.manifest.may_edit) {
      const remove = button("Remove", "plain", () => void this.remove(shape));
      remove.setAttribute("aria-label", `Remove ${NAMES[shape.kind].toLowerCase()} ${value}`);
      item.append(remove);
    }
    item.append(span(`${hand.author_name}, ${day(hand.created_at)}`, "soft"));
    return item;
  }

  private swatch(shape: Shape): HTMLElement {
    const swatch = span("", "swatch");
    swatch.style.background = shape.colour;
    return swatch;
  }

  private title(shape: Shape): string {
    if (shape.lesion === null) return NAMES[shape.kind];
    const automatic = this.store.automaticOf(shape.lesion.number);
    const was = automatic && `, instead of ${automaticValue(shape.lesion, automatic, this.ruler)}`;
    return `Lesion ${shape.lesion.number} by hand${was ?? ""}`;
  }

  private sliceOf(shape: Shape): string {
    const ras = this.stage.toRas(shape.points[0]!);
    return `${shape.plane} ${Math.round(ras[AXES[shape.plane].through]!) + 1}`;
  }

  choose(id: string): void {
    this.chosen = id;
    for (const item of this.list.children) {
      item.classList.toggle("is-chosen", (item as HTMLElement).dataset.measure === id);
    }
  }

  private goTo(shape: Shape): void {
    this.choose(shape.id);
    this.stage.goTo(middle(shape.points));
    this.stage.announce(`${NAMES[shape.kind]}: ${this.sliceOf(shape)}`);
  }

  private async remove(shape: Shape): Promise<void> {
    const hand = shape.hand!;
    const words = `Remove this measure of ${keptValue(hand)}? The record keeps who removed it.`;
    if (!window.confirm(words)) return;
    try {
      await this.store.remove(hand);
    } catch (error) {
      return this.say(error instanceof Error ? error.message : String(error));
    }
    this.say("");
    this.stage.announce("The measure was removed.");
    const next = this.list.querySelector<HTMLElement>("button") ?? this.stage.canvas;
    next.focus();
  }

  /** The table of lesions shows the diameters that a person has drawn, and says so. */
  private markLesions(): void {
    const rows = this.stage.root.querySelectorAll<HTMLTableRowElement>("[data-lesions] tr");
    for (const row of rows) {
      const cell = row.querySelector<HTMLElement>("[data-diameters]");
      const automatic = this.store.automaticOf(Number(row.dataset.lesion));
      if (cell === null || automatic?.lesion == null) continue;
      const hand = this.store.edited(automatic)?.hand;
      row.dataset.automatic ??= cell.textContent ?? "";
      // Product and 3D diameter are those of the automatic lines.
      row.querySelector("[data-below]")?.toggleAttribute("hidden", hand != null);
      if (hand == null) {
        cell.textContent = row.dataset.automatic;
        continue;
      }
      const [longest, across] = [hand.longest_mm, hand.perpendicular_mm];
      const isSized = longest !== null && across !== null;
      cell.textContent = isSized ? `${longest.toFixed(1)} × ${across.toFixed(1)}` : keptValue(hand);
      cell.append(span("by hand", "by-hand"));
    }
  }
}
