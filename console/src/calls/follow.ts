// A call's event stream as React sees it. Read with fetch, since an EventSource can't send a token; after a break it is
// opened again and begins with a new snapshot.

import { EventSourceParserStream } from "eventsource-parser/stream";
import { useEffect, useState } from "react";
import { ApiError, answer } from "../admin/api";
import { advance, begin, type Happening, type LiveCall, type Snapshot } from "./live-call";

const RETRY_MS = 2000;

export interface Following {
  live: LiveCall | null;
  /** The stream is broken and is being opened again. */
  broken: boolean;
  /** It can't be had: the call is over, or too many listen. */
  refused: ApiError | null;
}

export function useLiveCall(path: string): Following {
  const [following, setFollowing] = useState<Following>({ live: null, broken: false, refused: null });
  useEffect(() => {
    const stop = new AbortController();
    const run = async () => {
      while (!stop.signal.aborted) {
        try {
          const response = await answer(`${path}/events`, { signal: stop.signal });
          if (!response.body) return;
          const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
          await read(events, (step) => setFollowing((before) => ({ live: step(before.live), broken: false, refused: null })));
        } catch (error) {
          if (stop.signal.aborted) return;
          if (error instanceof ApiError && error.status >= 400 && error.status < 500) return setFollowing((before) => ({ ...before, refused: error }));
        }
        setFollowing((before) => ({ ...before, broken: before.live?.now.ended == null }));
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    };
    void run();
    return () => stop.abort();
  }, [path]);
  return following;
}

async function read(events: ReadableStream<{ event?: string | undefined; data: string }>, take: (step: (before: LiveCall | null) => LiveCall | null) => void): Promise<void> {
  const reader = events.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const { event, data } = next.value;
    if (event === "missed") continue;
    const told: unknown = JSON.parse(data);
    if (event === "snapshot") take((before) => begin(told as Snapshot, before));
    else take((before) => before && advance(before, told as Happening));
  }
}
