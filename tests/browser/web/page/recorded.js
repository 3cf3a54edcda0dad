// The adapter as the official package imports it, with a record of everything that is asked of it and is not there.
// (A named import that is absent is refused by the browser itself.) `?without=NAME` in the page's address takes a member or an
// event away, so that a test can see the record work.

import Engine from "artc-adapter";

export * from "artc-adapter";

/** Members of the adapter that were asked for in vain. */
window.missing = [];

/** The events that the adapter can tell. */
const EVENTS = new Set([
  "connectionStatusChange", "bye", "authInfoWillExpire", "authInfoExpired", "AIAgentResult", "remoteUserOnLineNotify",
  "remoteUserOffLineNotify", "remoteTrackAvailableNotify", "audioSubscribeStateChanged", "remoteUserSubscribedDataChannel",
  "dataChannelMsg", "audioVolume", "mediaExtensionMsgReceived", "localDeviceException", "remoteAudioAutoPlayFail",
  "remoteVideoAutoPlayFail", "onOccurError",
]);

const without = new URLSearchParams(location.search).get("without");
EVENTS.delete(without);

const recorders = new WeakMap();

function recorded(target, name) {
  if (!recorders.has(target)) recorders.set(target, new Proxy(target, { get: (object, key) => get(object, key, name) }));
  return recorders.get(target);
}

function get(object, key, name) {
  const there = key in object && key !== without;
  // An object that is awaited is asked whether it is a promise.
  if (typeof key === "string" && key !== "then" && !there) window.missing.push(`${name}.${key}`);
  if (!there) return undefined;
  const value = Reflect.get(object, key, object);
  if (typeof value !== "function" || key === "prototype" || key === "constructor") return value;
  return (...args) => {
    if (key === "on" && !EVENTS.has(args[0])) window.missing.push(`event ${args[0]}`);
    const result = value.apply(object, args);
    return result instanceof Engine ? recorded(result, "engine") : result;
  };
}

export default recorded(Engine, "AliRtcEngine");
