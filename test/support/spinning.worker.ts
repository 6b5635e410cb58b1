/** The real courier thread, which a nudge with this count makes spin. */
import "../../src/mail/courier/worker.ts";

declare const self: Worker;

self.addEventListener("message", ({ data }: MessageEvent<{ type: string; accepted?: number }>) => {
  if (data.type === "nudge" && data.accepted === -1) for (;;);
});
