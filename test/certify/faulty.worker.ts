/** The real courier thread, with faults that it never has by itself. A file that names a fault causes it, once. */
import { readFileSync, rmSync } from "node:fs";
import "../../src/mail/courier/worker.ts";
import type { ThreadFault } from "./threads.ts";

const LOOK_MS = 20;
const file = process.env["CERTIFY_FAULT_FILE"] ?? "";

const faults: Record<ThreadFault, () => void> = {
  throws: () => {
    throw new Error("a fault of the certificate");
  },
  exits: () => process.exit(3),
  rejects: () => void Promise.reject(new Error("a fault of the certificate")),
  spins: () => {
    for (;;);
  },
};

setInterval(() => {
  const fault = takeFault();
  if (fault) faults[fault]();
}, LOOK_MS);

function takeFault(): ThreadFault | null {
  try {
    const fault = readFileSync(file, "utf8") as ThreadFault;
    rmSync(file);
    return fault;
  } catch {
    return null;
  }
}
