/**
 * Uploads one file at a time, each with its own row, date, sequence, progress and outcome; one
 * that is refused does not stop the others. Without scripts the plain form does the same job.
 */
const SEQUENCE_IN_NAME: [string, RegExp][] = [
  ["FLAIR", /(?<![a-z])flair(?![a-z])/],
  ["T1ce", /(?<![a-z0-9])t1[-_ ]?(ce|c|gd|post|km)(?![a-z0-9])/],
  ["T2", /(?<![a-z0-9])t2w?(?![a-z0-9*])/],
  ["T1", /(?<![a-z0-9])t1w?(?![a-z0-9])/],
  ["COMPOSITE", /composite|\.tiff?$/],
];

function guessSequence(name: string): string {
  const lowered = name.toLowerCase();
  return SEQUENCE_IN_NAME.find(([, pattern]) => pattern.test(lowered))?.[0] ?? "FLAIR";
}

function isPicture(name: string): boolean {
  return !/\.nii(\.gz)?$/i.test(name);
}

class UploadPanel {
  private readonly form: HTMLFormElement;
  private readonly template: HTMLTemplateElement;
  private readonly list: HTMLElement;
  private readonly send: HTMLButtonElement;
  private readonly waiting = new Map<HTMLElement, File>();

  constructor(private readonly root: HTMLElement) {
    this.form = root.querySelector("form") as HTMLFormElement;
    this.template = root.querySelector("template") as HTMLTemplateElement;
    this.list = root.querySelector("[data-upload-rows]") as HTMLElement;
    this.send = root.querySelector("[data-upload-send]") as HTMLButtonElement;
    root.classList.add("is-scripted");
    root.querySelector("[data-plain-fields]")?.toggleAttribute("hidden", true);
    this.watchChoice();
    this.watchDrop();
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.sendAll();
    });
    this.show();
  }

  private watchChoice(): void {
    const input = this.form.querySelector<HTMLInputElement>("input[type=file]");
    input?.addEventListener("change", () => {
      this.add([...(input.files ?? [])]);
      input.value = "";
    });
    input?.removeAttribute("required");
  }

  /** Files may be dropped anywhere on the page. */
  private watchDrop(): void {
    const zone = this.root.querySelector("[data-drop]");
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      zone?.classList.add("is-over");
    });
    document.addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) zone?.classList.remove("is-over");
    });
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      zone?.classList.remove("is-over");
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length > 0) {
        this.root.closest("details")?.setAttribute("open", "");
        this.add(files);
      }
    });
  }

  private add(files: File[]): void {
    for (const file of files) {
      const fragment = this.template.content.cloneNode(true) as DocumentFragment;
      const row = fragment.firstElementChild as HTMLElement;
      (row.querySelector("[data-name]") as HTMLElement).textContent = file.name;
      (row.querySelector("[name=sequence]") as HTMLSelectElement).value = guessSequence(file.name);
      row.querySelector("[data-convention]")?.toggleAttribute("hidden", !isPicture(file.name));
      row.querySelector("[data-spacing]")?.toggleAttribute("hidden", isPicture(file.name));
      row.querySelector("[data-remove]")?.addEventListener("click", () => {
        this.waiting.delete(row);
        row.remove();
        this.show();
      });
      this.waiting.set(row, file);
      this.list.append(row);
    }
    this.show();
  }

  private show(): void {
    const count = this.waiting.size;
    this.send.disabled = count === 0;
    this.send.textContent = count > 1 ? `Upload ${count} files` : "Upload";
  }

  private async sendAll(): Promise<void> {
    this.send.disabled = true;
    for (const [row, file] of [...this.waiting]) {
      const taken = await this.sendOne(row, file);
      if (taken) this.waiting.delete(row);
    }
    this.show();
    document.body.dispatchEvent(new CustomEvent("scans-changed"));
  }

  private sendOne(row: HTMLElement, file: File): Promise<boolean> {
    const progress = row.querySelector("progress") as HTMLProgressElement;
    const outcome = row.querySelector("[data-outcome]") as HTMLElement;
    const body = new FormData();
    body.append("files", file);
    for (const input of row.querySelectorAll<HTMLInputElement | HTMLSelectElement>("[name]")) {
      if (input instanceof HTMLInputElement && input.type === "checkbox") {
        if (input.checked) body.append(input.name, "on");
      } else {
        body.append(input.name, input.value);
      }
    }
    progress.hidden = false;
    return new Promise((resolve) => {
      const request = new XMLHttpRequest();
      request.open("POST", this.form.action);
      request.setRequestHeader("X-Requested-With", "fetch");
      request.setRequestHeader("X-CSRFToken", this.token());
      request.upload.addEventListener("progress", (event) => {
        if (event.lengthComputable) progress.value = event.loaded / event.total;
      });
      const end = (message: string | null): void => {
        progress.hidden = true;
        const taken = request.status === 201;
        if (message === null) outcome.innerHTML = request.responseText;
        else outcome.textContent = message;
        outcome.hidden = false;
        if (taken) {
          for (const choice of row.querySelectorAll("select, input, label, button")) choice.remove();
        }
        resolve(taken);
      };
      request.addEventListener("load", () => {
        const known = request.status === 201 || request.status === 422;
        end(known ? null : "The server did not take the file. Please reload and try again.");
      });
      request.addEventListener("error", () => {
        end("The connection broke off. Please try again.");
      });
      request.send(body);
    });
  }

  private token(): string {
    return this.form.querySelector<HTMLInputElement>("[name=csrfmiddlewaretoken]")?.value ?? "";
  }
}

export function mountUploads(): void {
  for (const root of document.querySelectorAll<HTMLElement>("[data-upload]")) {
    new UploadPanel(root);
  }
}

/** The page's main button opens the panel and the choice of files. */
export function watchUploadButton(): void {
  document.querySelector("[data-open-upload]")?.addEventListener("click", () => {
    const panel = document.querySelector<HTMLDetailsElement>("#upload");
    if (panel === null) return;
    panel.open = true;
    panel.scrollIntoView({ block: "nearest" });
    panel.querySelector<HTMLInputElement>("input[type=file]")?.focus();
  });
}
