/** Forms with `data-confirm` say what will happen and are sent only after a yes. */
export function watchConfirmations(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    const question = form.dataset.confirm;
    if (question !== undefined && !window.confirm(question)) event.preventDefault();
  });
}
