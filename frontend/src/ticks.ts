/**
 * Two scans ticked for comparing. The list of scans replaces itself while a worker is busy; htmx
 * keeps the ticks themselves then, and the button is brought up to date after it.
 */
const order: string[] = [];

function boxes(): HTMLInputElement[] {
  return [...document.querySelectorAll<HTMLInputElement>("[data-tick]")];
}

function show(): void {
  const form = document.querySelector("[data-compare-ticked]");
  const button = form?.querySelector("button");
  const words = form?.querySelector("[data-ticked-words]");
  const ticked = boxes().filter((box) => box.checked).length;
  if (button) button.disabled = ticked !== 2;
  if (words) words.textContent = ["tick two", "tick one more", "two ticked"][ticked] ?? "";
}

/** A third tick takes the first one's place. */
function take(box: HTMLInputElement): void {
  const at = order.indexOf(box.id);
  if (at >= 0) order.splice(at, 1);
  if (box.checked) order.push(box.id);
  while (order.length > 2) {
    const first = document.getElementById(order.shift()!);
    if (first instanceof HTMLInputElement) first.checked = false;
  }
}

export function watchTicks(): void {
  for (const box of boxes()) if (box.checked) take(box);
  document.addEventListener("change", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || box.dataset.tick === undefined) return;
    take(box);
    show();
  });
  document.body.addEventListener("htmx:afterSettle", show);
  show();
}
