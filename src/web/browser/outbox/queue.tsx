import { LANES, type Lane } from "../../../mail/kinds.ts";
import type { Stats } from "./api.ts";
import { count, duration } from "../ui/words.ts";

const LANE_NAMES = Object.keys(LANES) as Lane[];

/** The queue by lane: a reset must not wait behind an import. */
export const Queue = ({ stats }: { readonly stats: Stats }) => (
  <section className="panel queue" aria-labelledby="queue-title">
    <h2 id="queue-title">Queue</h2>
    <table className="plain">
      <thead>
        <tr>
          <th scope="col">Lane</th>
          <th scope="col" className="number">
            Waiting
          </th>
          <th scope="col" className="number">
            Oldest due
          </th>
        </tr>
      </thead>
      <tbody>
        {LANE_NAMES.map((lane) => {
          const oldest = stats.oldest_due_seconds_by_lane[lane];
          return (
            <tr key={lane}>
              <th scope="row">{lane}</th>
              <td className="number">{count(stats.queued[lane])}</td>
              <td className="number">{oldest === null ? "–" : duration(oldest)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  </section>
);
