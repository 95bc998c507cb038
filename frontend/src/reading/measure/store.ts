/** The measures of the scan: those kept on the server, and the automatic ones of the result. */
import { getJson, sendJson } from "../../http";
import type { Manifest, Voxel } from "../manifest";
import { automaticShapes, shapeOf, type HandMeasure, type Shape } from "./shapes";

export class Store {
  private hands: HandMeasure[] = [];
  private readonly automatic: Shape[];
  private readonly listeners: (() => void)[] = [];
  showsAutomatic = true;

  constructor(private readonly manifest: Manifest) {
    this.automatic = automaticShapes(manifest);
  }

  /** The address of the scan's measures. */
  private get url(): string {
    return `${this.manifest.urls.api}measures/`;
  }

  get hasAutomatic(): boolean {
    return this.automatic.length > 0;
  }

  get byHand(): readonly Shape[] {
    return this.hands.map((hand) => shapeOf(hand, this.manifest));
  }

  /** Everything to draw; an automatic line that a person has edited gives way to theirs. */
  shapes(): Shape[] {
    const byHand = this.byHand;
    if (!this.showsAutomatic) return [...byHand];
    const kept = this.automatic.filter((line) => this.edited(line) === undefined);
    return [...kept, ...byHand];
  }

  /** The newest measure by hand that stands in for an automatic line. */
  edited(automatic: Shape): Shape | undefined {
    const { lesion } = automatic;
    return this.byHand.filter((one) => lesion !== null && one.lesion === lesion).at(-1);
  }

  automaticOf(lesion: number): Shape | undefined {
    return this.automatic.find((line) => line.lesion?.number === lesion);
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  changed(): void {
    for (const listener of this.listeners) listener();
  }

  async load(): Promise<void> {
    this.hands = await getJson<HandMeasure[]>(this.url);
    this.changed();
  }

  /** Keeps `points` for `shape`: as a new measure, or in the place of the one that was edited. */
  async keep(shape: Shape, points: Voxel[]): Promise<HandMeasure> {
    const kept = await sendJson<HandMeasure>("POST", this.url, {
      kind: shape.kind,
      plane: shape.plane,
      points,
      replaces: shape.hand?.id ?? null,
      ...this.lesionOf(shape),
    });
    this.hands = [...this.hands.filter((hand) => hand.id !== shape.hand?.id), kept];
    this.changed();
    return kept;
  }

  private lesionOf(shape: Shape): { segmentation?: string; lesion_number?: number; note?: string } {
    if (shape.hand !== null) {
      const { segmentation, lesion_number, note } = shape.hand;
      if (segmentation === null || lesion_number === null) return { note };
      return { segmentation, lesion_number, note };
    }
    if (shape.lesion === null || shape.kind !== "diameters") return {};
    return { segmentation: this.manifest.result!.id, lesion_number: shape.lesion.number };
  }

  async remove(hand: HandMeasure): Promise<void> {
    await sendJson("DELETE", this.removeUrl(hand));
    this.hands = this.hands.filter((one) => one.id !== hand.id);
    this.changed();
  }

  private removeUrl(hand: HandMeasure): string {
    return this.manifest.urls.api.replace(/scans\/[^/]+\/$/, `measures/${hand.id}/`);
  }
}
