import { constants, closeSync, openSync, readSync } from "node:fs";

/** A pipe whose reader reads only when it is told to. */
export function openPipe(path: string): { readonly writer: number; read(): string; close(): void } {
  const made = Bun.spawnSync(["mkfifo", path]);
  if (!made.success) throw new Error(made.stderr.toString());
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  return {
    writer,
    read() {
      let text = "";
      for (;;) {
        let length = 0;
        try {
          length = readSync(reader, buffer);
        } catch (error) {
          if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
        }
        if (length === 0) return text;
        text += decoder.decode(buffer.subarray(0, length), { stream: true });
      }
    },
    close() {
      closeSync(reader);
      closeSync(writer);
    },
  };
}
