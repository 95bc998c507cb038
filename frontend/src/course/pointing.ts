/** The date nearest to the pointer, or with the keyboard's focus, and its card of figures. */
import { nearest, step } from "./places";

function marksOf(chart: Element): SVGAElement[] {
  return [...chart.querySelectorAll<SVGAElement>("a[data-mark]")];
}

function placeOf(mark: Element): number {
  return Number(mark.getAttribute("data-x"));
}

/** Where the pointer is in the drawing's own units. */
function unitsOf(svg: SVGSVGElement, clientX: number): number {
  const box = svg.getBoundingClientRect();
  return ((clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
}

function show(chart: Element, mark: SVGAElement | undefined): void {
  const index = mark?.dataset.mark;
  const svg = chart.querySelector("svg");
  const pointer = chart.querySelector("[data-pointer]");
  for (const card of chart.querySelectorAll<HTMLElement>("[data-card]")) {
    card.hidden = card.dataset.card !== index;
    if (mark === undefined || svg === null) continue;
    // On the side that leaves the place pointed at free.
    const isLate = placeOf(mark) > svg.viewBox.baseVal.width / 2;
    card.classList.toggle("at-left", isLate);
    card.classList.toggle("at-right", !isLate);
  }
  pointer?.setAttribute("visibility", mark === undefined ? "hidden" : "visible");
  if (mark === undefined) return;
  for (const end of ["x1", "x2"]) pointer?.setAttribute(end, String(placeOf(mark)));
}

function chartAt(target: EventTarget | null): Element | null {
  return target instanceof Element ? target.closest("[data-course-chart]") : null;
}

function point(event: PointerEvent): void {
  const chart = chartAt(event.target);
  const svg = event.target instanceof Element ? event.target.closest("svg.chart") : null;
  if (chart === null || !(svg instanceof SVGSVGElement)) return;
  const marks = marksOf(chart);
  show(chart, marks[nearest(marks.map(placeOf), unitsOf(svg, event.clientX))]);
}

function walk(event: KeyboardEvent): void {
  const chart = chartAt(event.target);
  const ways: Record<string, -1 | 1> = { ArrowLeft: -1, ArrowRight: 1 };
  const way = ways[event.key];
  if (event.key === "Escape" && chart !== null) show(chart, undefined);
  if (chart === null || way === undefined) return;
  const marks = marksOf(chart).sort((a, b) => placeOf(a) - placeOf(b));
  const at = marks.findIndex((mark) => mark === document.activeElement);
  if (at < 0) return;
  event.preventDefault();
  marks[step(at, way, marks.length)]?.focus();
}

export function watchPointing(root: HTMLElement): void {
  root.addEventListener("pointermove", point);
  root.addEventListener("pointerout", (event) => {
    const chart = chartAt(event.target);
    if (chart !== null && chartAt(event.relatedTarget) !== chart) show(chart, undefined);
  });
  root.addEventListener("focusin", (event) => {
    const chart = chartAt(event.target);
    const mark = event.target instanceof Element ? event.target.closest("a[data-mark]") : null;
    if (chart !== null && mark instanceof SVGAElement) show(chart, mark);
  });
  root.addEventListener("focusout", (event) => {
    const chart = chartAt(event.target);
    if (chart !== null) show(chart, undefined);
  });
  root.addEventListener("keydown", walk);
}
