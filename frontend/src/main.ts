/** Everything the pages need of a browser; without it they still read and submit. */
import { watchConfirmations } from "./confirm";
import { watchShortcuts } from "./shortcuts";
import { mountSliceViewers } from "./slices";
import { watchTheme } from "./theme";
import { mountUploads, watchUploadButton } from "./upload";

watchTheme();
watchShortcuts();
watchConfirmations();
mountSliceViewers();
mountUploads();
watchUploadButton();
