// The admin API: one function for JSON, one for everything else. A refusal is an ApiError with the server's own words
// and the field they are about; a token that is no longer good signs the operator out.

import useSWR, { type SWRConfiguration, type SWRResponse } from "swr";
import { currentToken, signOut } from "./session";

export const ADMIN = "/api/ringline/v1/admin";

export class ApiError extends Error {
  constructor(
    /** 0: no answer. */
    readonly status: number,
    readonly code: string,
    message: string,
    /** The field that is wrong, by its path. */
    readonly field: string | null,
  ) {
    super(message);
  }
}

export interface Request {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** Without it, the token that is signed in. */
  token?: string;
}

const LIMIT_MS = 30_000;

/** What the path answers, as JSON; nothing for 204. */
export async function api<T>(path: string, request: Request = {}): Promise<T> {
  const response = await answer(path, { ...request, signal: request.signal ?? AbortSignal.timeout(LIMIT_MS) });
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

/** The answer itself: for files and streams. Without a signal it takes as long as it takes. */
export async function answer(path: string, request: Request = {}): Promise<Response> {
  const token = request.token ?? currentToken();
  const headers: Record<string, string> = { Authorization: `Bearer ${token ?? ""}` };
  if (request.body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(`${ADMIN}${path}`, {
      method: request.method ?? "GET",
      headers,
      body: request.body === undefined ? null : JSON.stringify(request.body),
      cache: "no-store",
      signal: request.signal ?? null,
    });
  } catch (error) {
    if (request.signal?.aborted && request.signal.reason === error) throw error;
    throw new ApiError(0, "away", "", null);
  }
  if (response.ok) return response;
  if (response.status === 401 && request.token === undefined && token === currentToken()) signOut(true);
  const body = (await response.json().catch(() => null)) as { code?: string; message?: string; field?: string } | null;
  throw new ApiError(response.status, body?.code ?? String(response.status), body?.message ?? response.statusText, body?.field ?? null);
}

/** Reads a path and keeps what it says; null: nothing is read. */
export function useApi<T>(path: string | null, options: SWRConfiguration<T, ApiError> = {}): SWRResponse<T, ApiError> {
  return useSWR<T, ApiError>(path, (asked: string) => api<T>(asked), { shouldRetryOnError: ({ status }) => status === 0 || status >= 500, errorRetryInterval: 3000, ...options });
}
