// What scripts add to our pages; each page works without. Words come from the page, never from here, and nothing is ever
// parsed as markup: Trusted Types are on, and no policy of ours would make any.

import { Application } from "@hotwired/stimulus";

import Case from "./case.js";
import Copy from "./copy.js";
import Dialog from "./dialog.js";
import Menu from "./menu.js";
import Queue from "./queue.js";
import Suggest from "./suggest.js";
import Theme from "./theme.js";

const application = Application.start();
application.register("case", Case);
application.register("copy", Copy);
application.register("dialog", Dialog);
application.register("menu", Menu);
application.register("queue", Queue);
application.register("suggest", Suggest);
application.register("theme", Theme);
