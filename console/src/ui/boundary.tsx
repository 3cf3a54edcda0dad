// A page that breaks leaves the rest of the console standing, and a call that is going on.

import { Component, type ReactNode } from "react";
import { Failed } from "./parts";

interface Props {
  /** Another place is another try. */
  place: string;
  children: ReactNode;
}

export class Boundary extends Component<Props, { error: unknown; place: string }> {
  override state: { error: unknown; place: string } = { error: null, place: this.props.place };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  static getDerivedStateFromProps({ place }: Props, state: { place: string }) {
    return place === state.place ? null : { error: null, place };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <div className="page narrow">
        <Failed error={this.state.error} retry={() => location.reload()} />
      </div>
    );
  }
}
