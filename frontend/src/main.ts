/** Everything the pages need of a browser; without it they still read and submit. */
import { watchConfirmations } from "./confirm";
import { mountCourse } from "./course";
import { watchRefusals } from "./refusals";
import { watchShortcuts } from "./shortcuts";
import { mountSliceViewers, watchHiddenSlices } from "./slices";
import { watchTheme } from "./theme";
import { watchTicks } from "./ticks";
import { mountUploads, watchUploadButton } from "./upload";
import { watchNewResults, watchWorklist } from "./worklist";

watchTheme();
watchShortcuts();
watchConfirmations();
mountSliceViewers();
watchHiddenSlices();
mountUploads();
watchUploadButton();
watchRefusals();
watchNewResults();
watchWorklist();
watchTicks();
mountCourse();
