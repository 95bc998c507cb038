/** The course loads itself again while lesions are matched, but not under somebody's hands. */
export function watchReloads(root: HTMLElement): void {
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const from = event.target;
    if (!(from instanceof Element) || !root.contains(from)) return;
    const busy = root.querySelector("details[open]") ?? root.querySelector("svg a:focus");
    if (busy !== null) event.preventDefault();
  });
}
