/** What the server keeps of a drawing, and what it says about others'. */
import { getBytes, getJson, sendBytes, sendJson } from "../../http";

export interface KeptEdit {
  revision: number;
  base: string | null;
  base_version: number | null;
  created_at: string;
  updated_at: string;
}

export interface Version {
  id: string;
  version: number;
  source: string;
  review: string;
  is_current: boolean;
  finished_at: string | null;
}

export interface DrawingState {
  edit: KeptEdit | null;
  others: { name: string; changed_at: string }[];
  /** What the drawing's base does not know of. */
  newer: Version | null;
  next_version: number;
}

export interface Saved {
  id: string;
  version: number;
}

/** The calls that autosave makes; tests have their own. */
export interface Shelf {
  keep(revision: number, base: string | null, content: ArrayBuffer): Promise<DrawingState>;
}

export class EditServer implements Shelf {
  private readonly address: string;

  constructor(scanAddress: string) {
    this.address = `${scanAddress}edit/`;
  }

  /** How things stand for a drawing of one's own, or one that would be begun from `base`. */
  state(base: string | null): Promise<DrawingState> {
    return getJson(`${this.address}${base === null ? "" : `?base=${base}`}`);
  }

  labels(): Promise<ArrayBuffer> {
    return getBytes(`${this.address}labels/`);
  }

  keep(revision: number, base: string | null, content: ArrayBuffer): Promise<DrawingState> {
    const query = new URLSearchParams({ revision: String(revision) });
    if (base !== null) query.set("base", base);
    return sendBytes("PUT", `${this.address}?${query}`, content);
  }

  discard(): Promise<null> {
    return sendJson("DELETE", this.address);
  }

  save(revision: number, remark: string, evenThoughNewer: boolean): Promise<Saved> {
    const body = { revision, remark, even_though_newer: evenThoughNewer };
    return sendJson("POST", `${this.address}save/`, body);
  }
}
