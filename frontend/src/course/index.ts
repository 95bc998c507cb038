/**
 * Pointing at the course's chart: the figures of the nearest date, lines shown and hidden, and the
 * arrow keys from date to date. The server has laid everything out; without this it reads the same.
 */
import { watchChoices } from "./choices";
import { watchPointing } from "./pointing";
import { watchReloads } from "./reloads";

export function mountCourse(): void {
  const root = document.querySelector<HTMLElement>("[data-course]");
  if (root === null) return;
  watchPointing(root);
  watchChoices(root);
  watchReloads(root);
}
