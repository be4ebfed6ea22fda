// What went over the wire, from a registry's access log in the common log format.

export interface Traffic {
  readonly requests: number;
  /** Bytes of all response bodies. */
  readonly bytes: number;
}

/** `host - - [date] "GET /v2/… HTTP/1.1" 206 1234`, possibly with more behind it. */
const ACCESS = /"(?:GET|HEAD) \/v2\/[^"]*" (?<status>\d{3}) (?<bytes>\d+|-)/;

/** Sums up the accesses in a piece of a log; other lines are passed over. */
export function readTraffic(log: string): Traffic {
  let requests = 0;
  let bytes = 0;
  for (const line of log.split('\n')) {
    const found = ACCESS.exec(line)?.groups;
    if (!found) continue;
    requests += 1;
    bytes += Number(found.bytes) || 0;
  }
  return { requests, bytes };
}
