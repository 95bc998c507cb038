/**
 * The keyboard of the reading room: what is bound here works wherever the focus is, except in a
 * field, and stands in the sheet that `?` opens. The site's own shortcuts are off meanwhile.
 */
interface Binding {
  key: string;
  words: string;
  group: string;
  action: (event: KeyboardEvent) => void;
}

const bindings = new Map<string, Binding>();
const NAMES: Record<string, string> = {
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  PageUp: "Page ↑",
  PageDown: "Page ↓",
  Escape: "Esc",
  " ": "Space",
};

/**
 * Binds `key`, as `KeyboardEvent.key` names it with its modifiers before it ("Ctrl+z", "Shift+N").
 *
 * A capital letter alone means Shift. Throws where the key is taken.
 */
export function bind(
  key: string,
  words: string,
  action: (event: KeyboardEvent) => void,
  group = "Look",
): void {
  if (bindings.has(key)) throw new Error(`the key ${key} is bound to: ${bindings.get(key)!.words}`);
  bindings.set(key, { key, words, group, action });
}

/** Takes a key back, for tools that have theirs only while they are chosen. */
export function unbind(key: string): void {
  bindings.delete(key);
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) {
    return !["checkbox", "radio", "button", "range"].includes(target.type);
  }
  return target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName);
}

function nameOf(event: KeyboardEvent): string {
  // AltGr makes brackets on many keyboards, and calls itself Ctrl and Alt on some systems.
  if (event.getModifierState("AltGraph")) return event.key;
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const shifted = event.shiftKey && (control !== "" || event.key.length > 1) ? "Shift+" : "";
  const key = control !== "" && event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return `${control}${event.altKey ? "Alt+" : ""}${shifted}${key}`;
}

/** Whether an arrow or Enter belongs to the control that has the focus. */
function isForControl(event: KeyboardEvent): boolean {
  const target = event.target;
  const type = target instanceof HTMLInputElement ? target.type : "";
  if (type === "range") return /^(Arrow|Page|Home|End)/.test(event.key);
  if (type === "radio" && event.key.startsWith("Arrow")) return true;
  const presses = event.key === "Enter" || event.key === " ";
  return presses && target instanceof Element && target.closest("button, a, summary, input") !== null;
}

export function watchKeys(): void {
  window.addEventListener(
    "keydown",
    (event) => {
      if (isTyping(event.target) || isForControl(event)) return;
      if (document.querySelector("dialog[open]") !== null) return;
      const binding = bindings.get(nameOf(event));
      if (binding !== undefined) {
        event.preventDefault();
        binding.action(event);
      }
      if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) event.stopPropagation();
    },
    { capture: true },
  );
}

function keyCell(binding: Binding): HTMLElement {
  const cell = document.createElement("td");
  for (const [n, part] of binding.key.split(/(?<=.)\+(?=.)/).entries()) {
    if (n > 0) cell.append(" ");
    const key = document.createElement("kbd");
    key.textContent = NAMES[part] ?? part;
    cell.append(key);
  }
  return cell;
}

/** Fills the sheet with every binding, by group, and opens it. */
export function showSheet(dialog: HTMLDialogElement): void {
  const body = dialog.querySelector("tbody");
  if (body === null) return;
  const groups = [...new Set([...bindings.values()].map((binding) => binding.group))];
  body.replaceChildren();
  for (const group of groups) {
    const head = body.insertRow();
    const title = document.createElement("th");
    title.colSpan = 2;
    title.scope = "rowgroup";
    title.textContent = group;
    head.append(title);
    for (const binding of bindings.values()) {
      if (binding.group !== group) continue;
      const row = body.insertRow();
      row.append(keyCell(binding));
      row.insertCell().textContent = binding.words;
    }
  }
  dialog.showModal();
}
