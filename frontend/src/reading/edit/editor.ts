/** Ties the drawing to the page: tools, keys, panel, autosave and saving. */
import { voxelSize } from "../grid";
import { loadVolume } from "../loader";
import { planeInUse } from "../nudge";
import { AXES } from "../panes";
import type { Stage } from "../stage";
import { Autosave, type Keeping } from "./autosave";
import { bindControls } from "./controls";
import { Drawing } from "./drawing";
import { Ending, wordsOf } from "./ending";
import { rasDims, toFileOrder, toRasOrder, type Triple } from "./grid";
import { boundsAround, Intensity } from "./intensity";
import { pack, unpack } from "./packing";
import { Panel, clock } from "./panel";
import { Paper } from "./paper";
import { Pointing, toolOf, type Place } from "./pointing";
import { EditServer, type DrawingState, type KeptEdit } from "./server";
import { EDIT_TOOLS, Session, type EditTool } from "./session";

const LOOK_AGAIN = 20_000;

interface Begun {
  session: Session;
  autosave: Autosave;
}

export class Editor {
  readonly panel: Panel;
  readonly ending: Ending;
  private begun: Begun | null = null;
  private readonly server: EditServer;
  private readonly paper: Paper;
  private readonly intensity = new Intensity();
  private readonly pointing: Pointing;
  private opening = false;
  private asked: ReturnType<typeof setInterval> | undefined;
  private pendingFrame = 0;
  private maskWasShown = false;

  constructor(
    readonly stage: Stage,
    root: HTMLElement,
  ) {
    this.panel = new Panel(root, stage.manifest);
    this.server = new EditServer(stage.manifest.urls.api);
    this.paper = new Paper(stage.nv);
    const autosave = () => this.begun?.autosave ?? null;
    const close = () => this.close();
    const hold = (isHeld: boolean) => this.session?.hold(isHeld);
    this.ending = new Ending(stage, this.panel, this.server, autosave, close, hold);
    this.pointing = new Pointing(
      stage,
      () => this.session,
      (tool, place) => this.beginStroke(tool, place),
    );
    bindControls(this);
    stage.onTool(() => {
      this.pointing.showRing();
      if (toolOf(stage) !== null && this.begun === null) void this.start();
    });
    stage.onShown(() => this.layOut());
    window.addEventListener("beforeunload", (event) => {
      if (this.begun !== null && !this.begun.autosave.isSafe) event.preventDefault();
    });
    document.addEventListener("visibilitychange", () => {
      const autosave = this.begun?.autosave;
      if (document.hidden && autosave && !autosave.isSafe) void autosave.flush();
    });
    void this.lookAtOthers();
  }

  get session(): Session | null {
    return this.begun?.session ?? null;
  }

  private get shape(): Triple {
    return this.stage.manifest.scan.shape;
  }

  private get order(): number[] {
    return this.stage.volume.permRAS ?? [1, 2, 3];
  }

  /** Opens one's own unsaved drawing, or begins one from the version that is shown. */
  async start(): Promise<void> {
    if (this.begun !== null || this.opening) return;
    this.opening = true;
    try {
      const state = await this.server.state(this.stage.manifest.result?.id ?? null);
      const labels = state.edit ? await this.keptLabels() : await this.versionLabels();
      this.open(labels, state);
      if (state.edit !== null) this.sayWhatWasLoaded(state.edit);
      if (toolOf(this.stage) === null) this.stage.setTool("brush");
      // The tool was chosen before there was a lesion to give to what it splits off.
      else if (this.stage.tool === "split" && !this.newLesion()) this.stage.setTool("brush");
    } catch (error) {
      this.panel.ask(wordsOf(error), [{ label: "Try again", action: () => void this.start() }]);
      this.stage.setTool(null);
    } finally {
      this.opening = false;
    }
  }

  private async keptLabels(): Promise<Uint8Array> {
    return toRasOrder(await unpack(await this.server.labels()), this.shape, this.order);
  }

  private async versionLabels(): Promise<Uint8Array> {
    const { result, scan } = this.stage.manifest;
    const [x, y, z] = this.shape;
    if (result === null) return new Uint8Array(x * y * z);
    const map = await loadVolume(result.lesions_url, scan.grid, "lesions");
    return toRasOrder(new Uint8Array(map.img as ArrayLike<number>), this.shape, this.order);
  }

  private open(labels: Uint8Array, state: DrawingState): void {
    const { manifest } = this.stage;
    const base = state.edit === null ? (manifest.result?.id ?? null) : state.edit.base;
    const drawing = new Drawing(labels, rasDims(this.shape, this.order));
    const session = new Session(drawing, this.spacing(), (done) => this.drawn(done));
    const content = () => pack(toFileOrder(drawing.labels, this.shape, this.order));
    const revision = state.edit?.revision ?? 0;
    const autosave = new Autosave(this.server, content, base, revision, (keeping, kept) =>
      this.told(keeping, kept),
    );
    this.begun = { session, autosave };
    if (state.edit !== null) autosave.keeping = { kind: "kept", at: new Date(state.edit.updated_at) };
    this.hideMask();
    this.panel.showEditing(true);
    this.panel.ask("");
    this.panel.showKeeping(autosave.keeping);
    this.panel.showState(state);
    this.stage.root.dataset.editing = "";
    this.layOut();
    this.show();
    clearInterval(this.asked);
    this.asked = setInterval(() => void this.lookAtOthers(), LOOK_AGAIN);
  }

  private spacing(): Triple {
    const { scan } = this.stage.manifest;
    if (!scan.has_physical_size) return [1, 1, 1];
    const size = voxelSize(scan.grid);
    return this.order.map((axis) => size[Math.abs(axis) - 1]!) as Triple;
  }

  private sayWhatWasLoaded(edit: KeptEdit): void {
    const from = edit.base_version === null ? "" : `, begun from version ${edit.base_version},`;
    const message = `Your unsaved drawing of ${clock(edit.updated_at)}${from} is open again.`;
    this.panel.ask(message, [
      { label: "Go on with it", action: () => this.panel.ask("") },
      { label: "Discard it", action: () => void this.ending.discard() },
    ]);
  }

  /** Who else draws; said before anything is begun, too. */
  private async lookAtOthers(): Promise<void> {
    if (document.hidden) return;
    try {
      this.panel.showState(await this.server.state(this.stage.manifest.result?.id ?? null));
    } catch {
      // It is asked again in a moment; what matters, keeping the drawing, says when it fails.
    }
  }

  private told(keeping: Keeping, state: DrawingState | null): void {
    this.panel.showKeeping(keeping);
    if (state !== null) this.panel.showState(state);
    if (keeping.kind !== "conflict") return;
    const takeOver = () => void this.begun?.autosave.takeOver();
    this.panel.askWhichToKeep(keeping, () => void this.restart(), takeOver);
  }

  private async restart(): Promise<void> {
    this.close();
    await this.start();
  }

  beginStroke(tool: EditTool, { at, plane }: Place): void {
    const { session } = this;
    if (session === null) return;
    const image = this.stage.nv.volumes[0];
    const isBounded = tool === "brush" && session.bounds !== null && image !== undefined;
    const intensity = isBounded ? this.intensity.of(image) : null;
    session.begin(tool, at, AXES[plane].through, intensity);
  }

  /** After each touch; several of them make one frame. */
  private drawn(isDone: boolean): void {
    if (isDone) this.begun?.autosave.changed();
    if (this.pendingFrame !== 0) return;
    this.pendingFrame = requestAnimationFrame(() => {
      this.pendingFrame = 0;
      this.paper.refresh();
      this.stage.redraw();
      this.show();
    });
  }

  show(): void {
    if (this.session !== null) this.panel.showSession(this.session, (n) => this.takeInHand(n));
    this.pointing.showRing();
  }

  takeInHand(lesion: number): void {
    if (this.session === null) return;
    this.session.lesion = lesion;
    this.show();
  }

  /** The drawing lies over volumes with its own grid only. */
  private layOut(): void {
    if (this.session === null) return;
    if (this.stage.isOwnGrid) this.paper.show(this.session.drawing);
    else {
      this.paper.hide();
      this.stage.announce("The drawing belongs to another sequence; show that one to draw.");
    }
    this.stage.redrawRender();
  }

  /** The version's own mask would lie under the drawing, so it is switched off meanwhile. */
  private hideMask(): void {
    const shown = this.maskSwitch();
    this.maskWasShown = shown?.checked ?? false;
    if (this.maskWasShown) shown?.click();
  }

  private maskSwitch(): HTMLInputElement | null {
    return this.stage.root.querySelector<HTMLInputElement>("[data-layers] [data-layer-shown]");
  }

  private close(): void {
    void this.begun?.autosave.stop();
    this.begun = null;
    clearInterval(this.asked);
    this.paper.hide();
    if (this.maskWasShown) this.maskSwitch()?.click();
    delete this.stage.root.dataset.editing;
    this.panel.showEditing(false);
    this.panel.ask("");
    if (EDIT_TOOLS.some((name) => name === this.stage.tool)) this.stage.setTool(null);
    this.stage.redrawRender();
  }

  /** Fills between the slices of the plane in use. */
  fill(): void {
    const plane = planeInUse(this.stage);
    const filled = this.session?.fill(AXES[plane].through) ?? 0;
    const words = filled === 0 ? "There is no gap between drawn slices" : "Filled the gaps";
    this.stage.announce(`${words} of lesion ${this.session?.lesion} in the ${plane} plane.`);
  }

  /** Takes the bounds of the brush from what is under the pointer. */
  pickBounds(): void {
    const { session } = this;
    const { hover } = this.pointing;
    const image = this.stage.nv.volumes[0];
    // The pointer may have rested since a sequence with another grid was put under it.
    if (session === null || hover === null || image === undefined || !this.stage.isOwnGrid) return;
    const { through } = AXES[hover.plane];
    this.setBounds(boundsAround(this.intensity.of(image), session.drawing, hover.at, through));
  }

  setBounds(bounds: { low: number; high: number } | null): void {
    if (this.session === null) return;
    this.session.bounds = bounds;
    if (bounds !== null) {
      this.panel.find<HTMLInputElement>("low").value = rounded(bounds.low);
      this.panel.find<HTMLInputElement>("high").value = rounded(bounds.high);
    }
    this.show();
  }

  /** Takes the lesion under the pointer in hand. */
  pickLesion(): void {
    const { session } = this;
    const { hover } = this.pointing;
    if (session === null || hover === null) return;
    const [x, y, z] = hover.at.map(Math.round) as Triple;
    const { drawing } = session;
    const value = drawing.holds(x, y, z) ? drawing.labels[drawing.index(x, y, z)]! : 0;
    if (value !== 0) this.takeInHand(value);
  }

  /** Whether there is one in hand that nothing was drawn of. */
  newLesion(): boolean {
    if (this.session === null) return false;
    const isNew = this.session.newLesion();
    if (isNew) this.stage.announce(`Lesion ${this.session.lesion} is in hand.`);
    else this.panel.ask("There are 255 lesions already, as many as a drawing can tell apart.");
    this.show();
    return isNew;
  }
}

/** Enough digits to tell intensities apart, and no more. */
function rounded(value: number): string {
  return String(Number(value.toPrecision(4)));
}
