// What the server offers, by the document of its own API: what it doesn't is not shown. A page can outlive an update of the
// server, or be behind a proxy that leads to servers of two versions.

import { useMemo } from "react";
import { useApi } from "./api";

interface Document {
  paths: Record<string, unknown>;
}

/** Whether the admin API has this path; of nothing before the document has come. */
export function useDoors(): (path: string) => boolean {
  const { data } = useApi<Document>("/openapi.json", { revalidateOnFocus: false, revalidateIfStale: false });
  return useMemo(() => (path: string) => data !== undefined && path in data.paths, [data]);
}
