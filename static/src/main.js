// What every page runs: htmx with morphing swaps, live refresh, and the small manners of menus, dialogs and toasts.
import "htmx.org";
import "idiomorph/htmx";
import "./js/live.js";
import "./js/times.js";
import "./js/menus.js";
import "./js/copy.js";
import "./js/ask.js";
import "./js/toasts.js";
import "./js/failures.js";
