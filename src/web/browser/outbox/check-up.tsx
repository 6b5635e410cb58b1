/** What `dundie doctor` says of this set-up. It is looked at once, because a look asks the database, SMTP and the DNS. */
import { useEffect, useState } from "react";
import type { Finding } from "../../../doctor/finding.ts";
import { useAnnounce } from "../ui/announce.tsx";
import { Modal } from "../ui/modal.tsx";
import { wordsOf } from "../ui/words.ts";
import { useApi } from "./api.ts";

export function CheckUp({ onClose }: { readonly onClose: () => void }) {
  const api = useApi();
  const announce = useAnnounce();
  const [findings, setFindings] = useState<readonly Finding[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    api.checkUp(abort.signal).then(
      (found) => {
        setFindings(found);
        announce(summaryOf(found));
      },
      (failure: unknown) => {
        if (!abort.signal.aborted) setError(wordsOf(failure));
      },
    );
    return () => abort.abort();
  }, [api, announce]);

  return (
    <Modal className="dialog large" title="Check-up" onClose={onClose}>
      <p className="quiet">{findings ? summaryOf(findings) : "Checking the database, the SMTP server and the DNS…"}</p>
      <p className="error" role="alert">
        {error}
      </p>
      {findings && <FindingTable findings={findings} />}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Modal>
  );
}

const FindingTable = ({ findings }: { readonly findings: readonly Finding[] }) => (
  <div className="scroller" tabIndex={0} role="group" aria-label="Check-up">
    <table className="plain">
      <thead>
        <tr>
          <th scope="col">Verdict</th>
          <th scope="col">Subject</th>
          <th scope="col">What was found, and what to do</th>
        </tr>
      </thead>
      <tbody>
        {findings.map(({ subject, verdict, text, advice }) => (
          <tr key={`${subject} ${text}`}>
            <td>{verdict}</td>
            <th scope="row">{subject}</th>
            <td>{advice === null ? text : `${text}; ${advice}`}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

function summaryOf(findings: readonly Finding[]): string {
  const faults = findings.filter(({ verdict }) => verdict === "fault").length;
  const warnings = findings.filter(({ verdict }) => verdict === "warning").length;
  return `Faults: ${faults}. Warnings: ${warnings}.`;
}
