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
}
