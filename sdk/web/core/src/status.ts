// The connection's states and why they change, numbered as AICallKit applications know them (client-sdk §1.2).

export enum ConnectionStatus {
  Init = 0,
  Disconnected = 1,
  Connecting = 2,
  Connected = 3,
  Reconnecting = 4,
  Failed = 5,
}

export enum ConnectionReason {
  None = 0,
  MediaPathChanged = 1,
  HeartbeatTimeout = 2,
  HeartbeatAlive = 3,
  JoinFailed = 8,
  Joined = 9,
  Left = 10,
  Connecting = 11,
  NetworkInterrupted = 12,
}

/** Why the server ended our part in the channel. */
export enum ByeReason {
  Kicked = 1,
  ChannelEnded = 2,
  /** The same user joined from elsewhere. */
  Replaced = 3,
}
