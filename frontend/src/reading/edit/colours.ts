/** The lesions' colours, as the style sheet names them. */
const COUNT = 7;

/** Which of the colours a lesion has, from 1, over and over. */
export function colourIndex(value: number): number {
  return ((value - 1) % COUNT) + 1;
}

/** NiiVue's table: four bytes for each value, nothing for 0. */
export function colourTable(): Uint8ClampedArray {
  const style = getComputedStyle(document.documentElement);
  const table = new Uint8ClampedArray(256 * 4);
  for (let value = 1; value < 256; value++) {
    const colour = style.getPropertyValue(`--lesion-${colourIndex(value)}`).trim();
    const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    table.set([...parts, 255], value * 4);
  }
  return table;
}
