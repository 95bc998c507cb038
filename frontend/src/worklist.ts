/**
 * Keeps the number of new results beside "Worklist" and in the browser tab's title up to date on
 * every page, and the list itself without moving it under the pointer.
 */
const EVERY = 8_000;
const COUNTED = /^\(\d+\) /;

async function showCount(address: string): Promise<void> {
  // Without a session the answer is a way to the sign-in page, which is not followed.
  const answer = await fetch(address, { redirect: "manual" });
  if (!answer.ok) return;
  const { new: count } = (await answer.json()) as { new: number };
  const badge = document.querySelector<HTMLElement>("[data-new]");
  if (badge !== null) {
    badge.textContent = String(count);
    badge.hidden = count === 0;
  }
  showInTitle(count);
}

function showInTitle(count: number): void {
  const title = document.title.replace(COUNTED, "");
  const counted = count > 0 ? `(${count}) ${title}` : title;
  if (document.title !== counted) document.title = counted;
}

export function watchNewResults(): void {
  const address = document.body.dataset.countNew;
  if (address === undefined) return;
  const ask = (): void => {
    // Offline, or the server is restarting: the next time will do.
    showCount(address).catch(() => undefined);
  };
  const badge = document.querySelector("[data-new]");
  // The reading room has no navigation, so the number is not on its page yet.
  if (badge === null) ask();
  else showInTitle(Number(badge.textContent));
  setInterval(ask, EVERY);
  document.body.addEventListener("result-reviewed", ask);
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if ((event.target as HTMLElement).id === "worklist") ask();
  });
}

function rowIds(root: ParentNode): string[] {
  return [...root.querySelectorAll("[data-row]")].map((row) => row.id);
}

/** Whether somebody is just about to click a row, or has the keyboard on one. */
function isInUse(list: HTMLElement): boolean {
  const body = list.querySelector("tbody");
  return body !== null && (body.matches(":hover") || body.contains(document.activeElement));
}

/** Rows that stay where they are may change at once; what would move them is only offered. */
function movesRows(list: HTMLElement, html: string): boolean {
  const coming = rowIds(new DOMParser().parseFromString(html, "text/html"));
  return rowIds(list).some((id, at) => coming[at] !== id);
}

interface Swap {
  target: HTMLElement;
  serverResponse: string;
  shouldSwap: boolean;
}

let isWanted = false;
let focused = "";
let chosen = "";

function beforeSwap(event: Event): void {
  const swap = (event as CustomEvent<Swap>).detail;
  const list = swap.target;
  if (list.id !== "worklist" || !swap.shouldSwap) return;
  if (!isWanted && isInUse(list) && movesRows(list, swap.serverResponse)) {
    swap.shouldSwap = false;
    list.querySelector("[data-show-changes]")?.removeAttribute("hidden");
    return;
  }
  isWanted = false;
  focused = list.contains(document.activeElement) ? (document.activeElement?.id ?? "") : "";
  chosen = list.querySelector("[data-row].is-chosen")?.id ?? "";
}

function afterSwap(): void {
  if (chosen !== "") document.getElementById(chosen)?.classList.add("is-chosen");
  if (focused !== "") document.getElementById(focused)?.focus({ preventScroll: true });
  chosen = focused = "";
}

export function watchWorklist(): void {
  for (const choice of document.querySelectorAll<HTMLSelectElement>("[data-send-on-change]")) {
    choice.addEventListener("change", () => choice.form?.requestSubmit());
  }
  if (document.querySelector("[data-worklist]") === null) return;
  document.body.addEventListener("htmx:beforeSwap", beforeSwap);
  document.body.addEventListener("htmx:afterSwap", afterSwap);
  document.body.addEventListener("click", (event) => {
    const button = (event.target as HTMLElement).closest("[data-show-changes]");
    if (button === null) return;
    isWanted = true;
    document.querySelector("#worklist")?.dispatchEvent(new CustomEvent("refresh"));
  });
}
