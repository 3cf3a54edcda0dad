// The value of the UMD module is the class itself, as the official package's UMD build takes it.

import AliRtcEngine from "./index";

declare const module: { exports: unknown };

module.exports = AliRtcEngine;
