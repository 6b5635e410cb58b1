import { useCallback, useState } from "react";

const KEY = "dundie.inbox.read";
/** The server keeps a bounded number of emails, so this list has a bound too. */
const MAX_MARKS = 2_000;

/** Which emails have been read, in this browser. The newest marks are last. */
export function useReadMarks() {
  const [read, setRead] = useState<ReadonlySet<string>>(() => new Set(stored()));
  const mark = useCallback((id: string): void => {
    setRead((before) => {
      if (before.has(id)) return before;
      const after = [...before, id].slice(-MAX_MARKS);
      localStorage.setItem(KEY, JSON.stringify(after));
      return new Set(after);
    });
  }, []);
  const clear = useCallback((): void => {
    localStorage.removeItem(KEY);
    setRead(new Set());
  }, []);
  return { read, mark, clear };
}

function stored(): string[] {
  try {
    const marks: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(marks) ? marks.filter((mark) => typeof mark === "string") : [];
  } catch {
    return [];
  }
}
