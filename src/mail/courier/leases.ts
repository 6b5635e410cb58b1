/** Keeps the leases of what is in flight, and stops what goes on under one that may be another courier's. */
import { createIncident } from "../../incident.ts";
import type { Sql } from "../../db/client.ts";
import type { Log } from "../../log.ts";
import { recordPhases, renew as renewLeases } from "../transitions/lease.ts";
import { socketsRead } from "./event-loop.ts";
import { isStale, type InFlight } from "./in-flight.ts";
import { thisMoment } from "./moment.ts";

export interface Leases {
  /** Renews all leases and aborts what was taken over; every 10 s. Never rejects. @returns false: the database failed. */
  renew(): Promise<boolean>;
  /**
   * Aborts what has not been renewed for so long that another courier may have it; every second. It is not left to
   * `renew`, which hangs without an error while the database is silent.
   */
  abortStale(): void;
  /**
   * Records what the messages that have waited for this long wait for, so that they are not held responsible if this
   * courier stops. Never rejects.
   */
  recordWaits(waitedMs: number): Promise<void>;
  /** Resolves when the waits that are being recorded have been recorded. */
  waitsRecorded(): Promise<void>;
  /**
   * To be called first when this courier had been suspended. While it was, the server has replied, and its leases have
   * ended: what the replies say is recorded, and what is still ours is renewed, before anything is aborted or reclaimed.
   * @returns whether the leases were renewed.
   */
  resume(): Promise<boolean>;
}

export interface LeasesOptions {
  readonly sql: Sql;
  readonly courierId: string;
  readonly inFlight: InFlight;
  readonly log: Log;
}

export function createLeases({ sql, courierId, inFlight, log }: LeasesOptions): Leases {
  const noRenewals = createIncident(log, "renewal_failed", "no lease can be renewed; it is tried every 10 s");
  let recording = Promise.resolve();
  const renew = async (): Promise<boolean> => {
    const held = [...inFlight];
    if (held.length === 0) return true;
    const askedAt = thisMoment();
    try {
      const leaseIds = [...new Set(held.map(({ leaseId }) => leaseId))];
      const { renewed, locked } = await renewLeases(sql, courierId, leaseIds);
      for (const message of held) {
        const { id } = message;
        if (renewed.has(id)) message.renewedAt = askedAt;
        // The reply to what was handed over is worth having even now: a late 250 counts.
        else if (inFlight.has(message) && !locked.has(id) && !message.handedOver) message.abort.abort();
      }
      noRenewals.end();
      return true;
    } catch (error) {
      noRenewals.begin(error);
      return false;
    }
  };

  const recordWaits = async (before: number): Promise<void> => {
    const waiting = [...inFlight].filter(
      ({ phase, waitsFor, recordedPhase }) =>
        phase !== "recording" && waitsFor !== null && waitsFor.since <= before && waitsFor.phase !== recordedPhase,
    );
    const rows = waiting.map(({ id, leaseId, waitsFor }) => ({ id, leaseId, phase: waitsFor?.phase ?? "connect" }));
    for (const message of waiting) message.recordingPhase = true;
    try {
      await recordPhases(sql, rows);
      for (const [index, { phase }] of rows.entries()) Object.assign(waiting[index] ?? {}, { recordedPhase: phase });
    } catch (error) {
      log.warn({ event: "waits_not_recorded", err: error }, "What messages wait for could not be recorded.");
    } finally {
      for (const message of waiting) message.recordingPhase = false;
    }
  };

  return {
    renew,
    abortStale() {
      // What was handed over goes on: a late 250 counts even when another courier has recorded an outcome.
      for (const message of inFlight) if (!message.handedOver && isStale(message)) message.abort.abort();
    },
    recordWaits(waitedMs) {
      // The records are written one after the other, so that the last one to be written is the latest.
      recording = recording.then(() => recordWaits(performance.now() - waitedMs));
      return recording;
    },
    waitsRecorded: () => recording,
    async resume() {
      await socketsRead();
      return await renew();
    },
  };
}
