/** How drawing ends: it is left for later, discarded, or saved as a version. */
import { RequestError } from "../../http";
import type { Stage } from "../stage";
import type { Autosave } from "./autosave";
import type { Panel } from "./panel";
import type { EditServer, Version } from "./server";

export class Ending {
  /**
   * `autosave` gives that of what is being drawn, null while nothing is; `close` ends it, and `hold`
   * stops the hand while it is saved.
   */
  constructor(
    private readonly stage: Stage,
    private readonly panel: Panel,
    private readonly server: EditServer,
    private readonly autosave: () => Autosave | null,
    private readonly close: () => void,
    private readonly hold: (isHeld: boolean) => void,
  ) {}

  /** Stops drawing; what was drawn stays kept. */
  async leave(): Promise<void> {
    const autosave = this.autosave();
    if (autosave === null) return;
    if (autosave.isSafe || (await autosave.flush())) {
      this.close();
      return;
    }
    this.panel.ask("What you drew last is not kept yet.", [
      { label: "Try to keep it", action: () => void this.leave() },
      { label: "Leave without it", action: () => this.close() },
    ]);
  }

  async discard(): Promise<void> {
    const autosave = this.autosave();
    if (autosave === null) return;
    const words = "Discard your unsaved drawing? Saved versions stay as they are.";
    if (!window.confirm(words)) return;
    try {
      await autosave.stop();
      if (autosave.revision > 0) await this.server.discard();
      this.close();
      this.stage.announce("The drawing was discarded.");
    } catch (error) {
      autosave.resume();
      this.panel.ask(wordsOf(error));
    }
  }

  /** Keeps what there is, then makes it the next version and shows that one. */
  async save(evenThoughNewer = false): Promise<void> {
    const autosave = this.autosave();
    if (autosave === null) return;
    const button = this.panel.find<HTMLButtonElement>("save");
    button.disabled = true;
    // What was drawn from here on would be in no version, and gone with the page.
    this.hold(true);
    try {
      if (await autosave.flush()) {
        const remark = this.panel.find<HTMLInputElement>("remark").value;
        const saved = await this.server.save(autosave.revision, remark, evenThoughNewer);
        await autosave.stop();
        window.location.assign(`${window.location.pathname}?version=${saved.id}`);
        return;
      }
    } catch (error) {
      this.refused(error);
    }
    this.hold(false);
    button.disabled = false;
    // A button that is disabled loses the focus.
    if (document.activeElement === document.body) button.focus({ preventScroll: true });
  }

  private refused(error: unknown): void {
    const newer = newerIn(error);
    if (newer === null) {
      this.panel.ask(wordsOf(error));
      return;
    }
    const address = `${window.location.pathname}?version=${newer.id}`;
    void this.sayWhatIsNewer();
    this.panel.ask(wordsOf(error), [
      { label: `Look at version ${newer.version}`, action: () => window.open(address, "_blank") },
      { label: "Save mine all the same", action: () => void this.save(true) },
      { label: "Go on drawing", action: () => this.panel.ask("") },
    ]);
  }

  /** The number that saving would give is another one now. */
  private async sayWhatIsNewer(): Promise<void> {
    try {
      this.panel.showState(await this.server.state(null));
    } catch {
      // The refusal itself has said it.
    }
  }
}

export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The version that the server names where it refuses to save for that. */
function newerIn(error: unknown): Version | null {
  if (!(error instanceof RequestError)) return null;
  const { body } = error;
  if (typeof body !== "object" || body === null || !("newer" in body)) return null;
  return body.newer as Version;
}
