/** A CSV file: chosen, previewed row by row, and only then imported, part by part. */
import { type ChangeEvent, useEffect, useRef, useState } from "react";
import { useAnnounce } from "../ui/announce.tsx";
import { FIRST_FOCUS, Modal } from "../ui/modal.tsx";
import { type ImportReport, useApi } from "./api.ts";
import { Check, Field } from "./fields.tsx";
import { ImportRows } from "./import-rows.tsx";
import { count, w, wordsOf } from "./words.tsx";

/** The server takes 2 MiB of JSON, in which line breaks and quotes take two characters. */
const MAX_FILE_BYTES = 1_900_000;

type Stage =
  | { readonly name: "choose" }
  | { readonly name: "look" }
  | { readonly name: "preview"; readonly csv: string; readonly report: ImportReport }
  | { readonly name: "import"; readonly done: number; readonly total: number }
  | { readonly name: "done"; readonly words: string };

export function ImportFile({ onClose }: { readonly onClose: () => void }) {
  const api = useApi();
  const announce = useAnnounce();
  const [stage, setStage] = useState<Stage>({ name: "choose" });
  const [invite, setInvite] = useState(true);
  const [error, setError] = useState<string | null>(null);
  const password = useRef<HTMLInputElement>(null);
  const title = useRef<HTMLParagraphElement>(null);
  /** Set when the dialog is left: what is under way ends with the part that is being sent. */
  const left = useRef(false);
  useEffect(() => {
    left.current = false;
    return () => {
      left.current = true;
    };
  }, []);
  // The button that was pressed is gone: the focus must not fall out of the dialog.
  useEffect(() => {
    if (stage.name === "preview" || stage.name === "done") title.current?.focus();
  }, [stage.name]);

  const look = async (event: ChangeEvent<HTMLInputElement>): Promise<void> => {
    const file = event.target.files?.[0];
    if (!file) return;
    setError(null);
    if (file.size > MAX_FILE_BYTES) return setError(w.tooLarge);
    setStage({ name: "look" });
    try {
      const csv = await textOf(file);
      setStage({ name: "preview", csv, report: await api.importFile({ csv, invite, dry_run: true }) });
    } catch (failure) {
      setError(failure instanceof NotUtf8 ? w.notUtf8 : wordsOf(failure));
      setStage({ name: "choose" });
    }
  };

  const run = async (csv: string, report: ImportReport): Promise<void> => {
    const own = password.current ? { current_password: password.current.value } : {};
    const sum = { created: 0, skipped: 0, refused: 0 };
    setError(null);
    try {
      setStage({ name: "import", done: 0, total: report.created });
      for (let line: number | null = 1; line !== null && !left.current;) {
        const part: ImportReport = await api.importFile({ csv, invite, from_line: line, ...own });
        sum.created += part.created;
        sum.skipped += part.skipped;
        sum.refused += part.problems.length;
        line = part.next_line;
        setStage({ name: "import", done: sum.created, total: Math.max(report.created, sum.created) });
      }
      const words = w.importDone(count(sum.created), count(sum.skipped), count(sum.refused));
      announce(words);
      setStage({ name: "done", words });
    } catch (failure) {
      setError(sum.created > 0 ? `${wordsOf(failure)} ${w.importStopped(count(sum.created))}` : wordsOf(failure));
      setStage({ name: "preview", csv, report });
    }
  };

  return (
    <Modal className="dialog large import" title={w.importTitle} onClose={onClose}>
      {(stage.name === "choose" || stage.name === "look") && (
        <div className="form">
          <p className="quiet">{w.importLead}</p>
          <Field
            label={w.file}
            type="file"
            accept=".csv,text/csv"
            className={`file ${FIRST_FOCUS}`}
            disabled={stage.name === "look"}
            onChange={(event) => void look(event)}
          />
          {stage.name === "look" && <p role="status">{w.looking}</p>}
        </div>
      )}
      {stage.name === "preview" && (
        <>
          <p ref={title} tabIndex={-1} className="unseen">
            {w.rowsTitle}
          </p>
          <ImportRows report={stage.report} />
          <div className="form">
            <Check label={w.inviteAll} hint={w.inviteAllHint} checked={invite} onCheck={setInvite} />
            {stage.report.rows.some(({ superuser, username }) => superuser && username !== null) && (
              <Field
                ref={password}
                label={w.yourPassword}
                type="password"
                hint={`${w.makesSuperusers} ${w.yourPasswordHint}`}
                required
                maxLength={1024}
                autoComplete="current-password"
              />
            )}
          </div>
        </>
      )}
      {stage.name === "import" && (
        <div className="progress">
          <p id="import-progress">
            {w.importing} {count(stage.done)} / {count(stage.total)}
          </p>
          <progress aria-labelledby="import-progress" value={stage.done} max={Math.max(stage.total, 1)} />
        </div>
      )}
      {stage.name === "done" && (
        <p ref={title} tabIndex={-1} className="done">
          {stage.words}
        </p>
      )}
      <p className="error" role="alert">
        {error}
      </p>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          {stage.name === "done" ? w.close : w.cancel}
        </button>
        {(stage.name === "preview" || stage.name === "done") && (
          <button type="button" className="button" onClick={() => setStage({ name: "choose" })}>
            {w.another}
          </button>
        )}
        {stage.name === "preview" && stage.report.created > 0 && (
          <button
            type="button"
            className="button primary"
            onClick={() => {
              if (!password.current || password.current.reportValidity()) void run(stage.csv, stage.report);
            }}
          >
            {w.importAction(count(stage.report.created))}
          </button>
        )}
      </div>
    </Modal>
  );
}

class NotUtf8 extends Error {
  override readonly name = "NotUtf8";
}

/** Replaced bytes would become other names, so that such a file is refused whole. @throws {NotUtf8} */
async function textOf(file: File): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch (cause) {
    throw new NotUtf8("The file is not UTF-8.", { cause });
  }
}
