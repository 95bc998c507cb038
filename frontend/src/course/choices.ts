/** Names in the legend become buttons that show and hide their lines. */
const hidden = new Set<string>();

function apply(root: HTMLElement): void {
  for (const line of root.querySelectorAll<SVGGElement>("[data-line]")) {
    line.classList.toggle("is-chosen-out", hidden.has(line.dataset.line ?? ""));
  }
  for (const item of root.querySelectorAll<HTMLElement>("[data-choose]")) {
    const button = item.querySelector("button") ?? makeButton(item);
    button.setAttribute("aria-pressed", String(!hidden.has(item.dataset.choose ?? "")));
  }
}

function makeButton(item: HTMLElement): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button small";
  button.title = "Show or hide this line";
  button.append(...item.childNodes);
  item.append(button);
  return button;
}

export function watchChoices(root: HTMLElement): void {
  root.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-choose] button") : null;
    const key = button?.closest<HTMLElement>("[data-choose]")?.dataset.choose;
    if (key === undefined) return;
    if (!hidden.delete(key)) hidden.add(key);
    apply(root);
  });
  document.body.addEventListener("htmx:afterSettle", () => apply(root));
  apply(root);
}
