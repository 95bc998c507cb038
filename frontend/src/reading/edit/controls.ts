/** Every tool of the correction by key and by button. */
import { bind } from "../keys";
import { planeInUse } from "../nudge";
import { addTool } from "../tools";
import type { Editor } from "./editor";
import { toolOf } from "./pointing";
import type { EditTool, Session } from "./session";

const GROUP = "Correct";

const TOOLS: { name: EditTool; label: string; key: string; words: string; icon: string }[] = [
  {
    name: "brush",
    label: "Brush",
    key: "b",
    words: "Brush: add to the lesion in hand",
    icon: "M4 20c3 0 5-1 5-4 0-1.500-1.500-2-2.500-1.500C4 15.500 6 18 4 20zM9 14 19 4l1 1-9 11",
  },
  {
    name: "erase",
    label: "Erase",
    key: "r",
    words: "Erase what is drawn",
    icon: "M4 15 13 6l6 6-7 7H8zM9 10l6 6M4 20h16",
  },
  {
    name: "split",
    label: "Split off",
    key: "s",
    words: "Brush part of a lesion off as a new one",
    icon: "M12 4v16M8 7H4v10h4M16 7h4v10h-4",
  },
  {
    name: "delete",
    label: "Delete",
    key: "k",
    words: "Delete the lesion that is clicked",
    icon: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
  },
];

/** What is done only while something is drawn. */
function whileDrawing(editor: Editor, action: (session: Session) => void): () => void {
  return () => {
    if (editor.session === null) {
      editor.stage.announce("Press e to start correcting first.");
      return;
    }
    action(editor.session);
    editor.show();
  };
}

export function bindControls(editor: Editor): void {
  const { stage, panel } = editor;
  for (const { name, ...entry } of TOOLS) addTool(stage, name, { ...entry, group: GROUP });
  stage.onTool((name) => {
    // What is split off is a lesion of its own from the first touch.
    if (name !== "split" || editor.session === null) return;
    // Without one, what is brushed over would be added to another lesion.
    if (!editor.newLesion()) stage.setTool("brush");
  });
  const both = (button: string, key: string, words: string, action: (s: Session) => void): void => {
    const run = whileDrawing(editor, action);
    panel.press(button, run);
    bind(key, words, run, GROUP);
  };
  const toggle = (): void => (editor.session === null ? void editor.start() : void editor.ending.leave());
  panel.press("start", () => void editor.start());
  panel.press("leave", () => void editor.ending.leave());
  bind("e", "Start correcting, or leave it", toggle, GROUP);
  both("smaller", "[", "Smaller brush", (session) => session.resize(-1));
  both("larger", "]", "Larger brush", (session) => session.resize(1));
  both("undo", "Ctrl+z", "Undo", (session) => void session.undo());
  both("redo", "Ctrl+Shift+z", "Redo", (session) => void session.redo());
  both("fill", "g", "Fill between the slices of the plane in use", () => editor.fill());
  both("new", "j", "New lesion", () => void editor.newLesion());
  both("pick", "i", "Bounds from under the pointer", () => editor.pickBounds());
  bind("y", "Take the lesion under the pointer in hand", whileDrawing(editor, () => editor.pickLesion()), GROUP);
  bind(".", "Use the tool at the crosshair", whileDrawing(editor, (session) => touch(editor, session)), GROUP);
  panel.press("discard", () => void editor.ending.discard());
  panel.press("save", () => void editor.ending.save());
  bindBall(editor);
  bindBounds(editor);
}

/** One touch of the tool at the crosshair, so that a drawing needs no pointer. */
function touch(editor: Editor, session: Session): void {
  const { stage } = editor;
  const tool = toolOf(stage);
  if (tool === null || !stage.isOwnGrid) return;
  editor.beginStroke(tool, { plane: planeInUse(stage), at: stage.toRas(stage.current()) });
  session.end();
}

function bindBall(editor: Editor): void {
  const ball = editor.panel.find<HTMLInputElement>("ball");
  const turn = whileDrawing(editor, (session) => {
    session.isBall = !session.isBall;
  });
  ball.addEventListener("change", turn);
  bind("B", "Brush through the slices (3D), or within one", turn, GROUP);
}

function bindBounds(editor: Editor): void {
  const { panel } = editor;
  const bounded = panel.find<HTMLInputElement>("bounded");
  const [low, high] = ["low", "high"].map((name) => panel.find<HTMLInputElement>(name));
  const read = (): { low: number; high: number } => {
    const [from, to] = [low, high].map((field) => field!.valueAsNumber);
    return { low: Number.isNaN(from) ? -Infinity : from!, high: Number.isNaN(to) ? Infinity : to! };
  };
  const turn = whileDrawing(editor, (session) => {
    session.bounds = session.bounds === null ? read() : null;
  });
  bounded.addEventListener("change", turn);
  bind("h", "Paint only within the bounds of intensity", turn, GROUP);
  for (const field of [low, high]) {
    field?.addEventListener("change", () => {
      if (editor.session === null) return;
      editor.session.bounds = read();
      editor.show();
    });
  }
}
