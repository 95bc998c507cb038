/**
 * A form that is refused (422) comes back with the reason in it. htmx leaves such answers out
 * unless it is told otherwise, which this does where the page asks for it.
 */
const REFUSED = 422;

interface Swap {
  target: HTMLElement;
  xhr: XMLHttpRequest;
  shouldSwap: boolean;
  isError: boolean;
}

export function watchRefusals(): void {
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const swap = (event as CustomEvent<Swap>).detail;
    if (swap.xhr.status !== REFUSED || !swap.target.matches("[data-swap-refusals]")) return;
    swap.shouldSwap = true;
    swap.isError = false;
  });
  document.body.addEventListener("htmx:afterSwap", (event) => {
    const shown = event.target as HTMLElement;
    if (!shown.matches("[data-swap-refusals]")) return;
    // The field that had the focus is gone: a keyboard goes on where the answer is.
    const refused = shown.querySelector("[role=alert]") !== null;
    const field = refused ? shown.querySelector<HTMLElement>("input[type=password]") : null;
    (field ?? shown).focus({ preventScroll: true });
  });
}
