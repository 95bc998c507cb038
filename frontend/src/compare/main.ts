/** The compare page: both scans first, then what a comparison found, while the page stays. */
import { watchKeys } from "../reading/keys";
import { mountControls } from "./controls";
import { readLayers, readPair } from "./manifest";
import { Room } from "./room";

function hasWebGl2(): boolean {
  const context = document.createElement("canvas").getContext("webgl2");
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return context !== null;
}

function refuse(root: HTMLElement): void {
  root.dataset.fallback = "";
  root.querySelector("[data-viewer]")?.toggleAttribute("hidden", true);
  root.querySelector("[data-controls]")?.toggleAttribute("hidden", true);
  root.querySelector("[data-no-webgl]")?.toggleAttribute("hidden", false);
  document.dispatchEvent(new Event("slices-shown"));
}

function tell(root: HTMLElement, error: unknown): void {
  const notice = root.querySelector<HTMLElement>("[data-problem]");
  if (notice !== null) {
    notice.hidden = false;
    notice.textContent = error instanceof Error ? error.message : String(error);
  }
  root.dataset.failed = "";
}

async function open(root: HTMLElement): Promise<void> {
  const room = new Room(root, readPair());
  await room.open(readLayers());
  mountControls(room);
  watchKeys();
  root.dataset.ready = "";
  const look = (): void => {
    const layers = readLayers();
    if (layers !== null) room.show(layers).catch((error: unknown) => tell(root, error));
  };
  // The part about the change asks for itself again while a worker is on it.
  document.body.addEventListener("htmx:afterSettle", look);
  look();
}

const root = document.querySelector<HTMLElement>("[data-compare-room]");
if (root !== null) {
  if (hasWebGl2()) open(root).catch((error: unknown) => tell(root, error));
  else refuse(root);
}
