/**
 * The keyboard: `/` search, `n` new, `j` and `k` rows, Enter opens, `u` upload, `o` reading room,
 * `c` compare, `d` light or dark,
 * `?` this list. A row is anything with `data-row`; the link in it with `data-open` is followed.
 */
import { toggleTheme } from "./theme";

const CHOSEN = "is-chosen";

function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement && target.type === "checkbox") return false;
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName))
  );
}

function moveRow(step: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  if (rows.length === 0) return;
  const at = rows.findIndex((row) => row.classList.contains(CHOSEN));
  const next = Math.min(rows.length - 1, Math.max(0, at + step));
  rows[at]?.classList.remove(CHOSEN);
  const row = rows[next];
  if (row === undefined) return;
  row.classList.add(CHOSEN);
  row.querySelector<HTMLElement>("[data-open]")?.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function follow(name: string): void {
  const target = document.querySelector<HTMLElement>(`[data-key="${name}"]`);
  if (target instanceof HTMLInputElement) {
    target.focus();
    target.select();
  } else {
    target?.click();
  }
}

const ACTIONS: Record<string, () => void> = {
  "/": () => follow("search"),
  n: () => follow("new"),
  u: () => follow("upload"),
  o: () => follow("open"),
  c: () => follow("compare"),
  d: toggleTheme,
  j: () => moveRow(1),
  k: () => moveRow(-1),
  "?": () => document.querySelector<HTMLDialogElement>("#shortcuts")?.showModal(),
};

export function watchShortcuts(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const action = ACTIONS[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
  document.querySelector("[data-show-shortcuts]")?.addEventListener("click", () => {
    ACTIONS["?"]?.();
  });
}
