/** Drawing on the scan. */
import type { Stage } from "../stage";

export function mountEditing(_stage: Stage): void {}
