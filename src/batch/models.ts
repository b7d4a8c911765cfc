import type { Modality } from './modality.js';

/** One model of the network as the endpoint's list gives it. */
export interface Model {
  readonly id: string;
  /** Nodes that serve the model now; at least 1 (a model without nodes is left out of the list). */
  readonly nodes: number;
  /** The modality the model is made for. A vision or audio model takes text as well. */
  readonly modality: Modality;
  /** In a run with several endpoints: whose model it is, and what the endpoint's rules make of it. */
  readonly endpoint?: string;
  /** Asked only while no target of a lower order is up. */
  readonly order?: number;
  /** The endpoint's part of the items within its order, in the place of its nodes. */
  readonly weight?: number;
  /** Named by the run. */
  readonly chosen?: boolean;
}
