/**
 * Stages that move together: crosshair, planes, zoom and the convention. Whichever of them the
 * reader moves, the others follow in the same frame.
 */
import { apply, invert } from "../reading/grid";
import type { ScanFacts, Voxel } from "../reading/manifest";
import type { Stage } from "../reading/stage";

/** From a voxel of one stage's scan to that of another. */
export type Mapping = (voxel: Voxel) => Voxel;

/** Through the millimetres of both files. */
export function throughWorld(from: ScanFacts, to: ScanFacts): Mapping {
  const back = invert(to.grid);
  return (voxel) => apply(back, apply(from.grid, voxel));
}

/** Where no file says where its voxels lie: as far along each axis. */
export function inShares(from: ScanFacts, to: ScanFacts): Mapping {
  return (voxel) =>
    voxel.map((n, axis) => {
      const share = from.shape[axis]! > 1 ? n / (from.shape[axis]! - 1) : 0.5;
      return share * (to.shape[axis]! - 1);
    }) as Voxel;
}

interface View {
  at: string;
  pane: string;
  active: string;
  zoom: string;
  radiological: boolean;
}

function viewOf(stage: Stage): View {
  return {
    at: stage.current().join(),
    pane: stage.maximised ?? "",
    active: stage.active,
    zoom: [...stage.nv.scene.pan2Dxyzmm].join(),
    radiological: stage.isRadiological,
  };
}

export class Link {
  private readonly seen = new Map<Stage, View>();
  private readonly mappings = new Map<Stage, Map<Stage, Mapping>>();
  private isFollowing = false;

  /** Adds a stage, with how its voxels go to those of the others and back. */
  add(stage: Stage): void {
    this.seen.set(stage, viewOf(stage));
    stage.onRedraw(() => this.look(stage));
  }

  remove(stage: Stage): void {
    this.seen.delete(stage);
    for (const others of this.mappings.values()) others.delete(stage);
    this.mappings.delete(stage);
  }

  map(from: Stage, to: Stage, there: Mapping, back: Mapping): void {
    this.of(from).set(to, there);
    this.of(to).set(from, back);
  }

  private of(stage: Stage): Map<Stage, Mapping> {
    let known = this.mappings.get(stage);
    if (known === undefined) this.mappings.set(stage, (known = new Map<Stage, Mapping>()));
    return known;
  }

  /** Brings all others to where `stage` is, whether it has moved or not. */
  lead(stage: Stage): void {
    this.isFollowing = true;
    for (const [other, there] of this.of(stage)) {
      if (this.seen.has(other)) this.follow(other, stage, there);
    }
    this.isFollowing = false;
    this.seen.set(stage, viewOf(stage));
  }

  private look(stage: Stage): void {
    const before = this.seen.get(stage);
    if (this.isFollowing || before === undefined) return;
    const now = viewOf(stage);
    if (JSON.stringify(now) !== JSON.stringify(before)) this.lead(stage);
  }

  private follow(stage: Stage, leader: Stage, there: Mapping): void {
    stage.goTo(there(leader.current()));
    if (stage.maximised !== leader.maximised) stage.maximise(leader.maximised);
    stage.activate(leader.active);
    if (stage.isRadiological !== leader.isRadiological) stage.isRadiological = leader.isRadiological;
    this.zoomAs(stage, leader);
    this.seen.set(stage, viewOf(stage));
    stage.redraw();
  }

  /** As near as the leader, with the crosshair at the same place of the pane. */
  private zoomAs(stage: Stage, leader: Stage): void {
    const [own, led] = [stage.nv.scene.pan2Dxyzmm, leader.nv.scene.pan2Dxyzmm];
    const here = stage.nv.frac2mm(stage.nv.scene.crosshairPos);
    const its = leader.nv.frac2mm(leader.nv.scene.crosshairPos);
    const scale = led[3]!;
    for (const axis of [0, 1, 2]) {
      // A place is drawn at scale * place + shift: that of both crosshairs shall be one.
      const away = scale === 1 ? 0 : (scale - 1) * (its[axis]! - here[axis]!);
      own[axis] = led[axis]! + away;
    }
    own[3] = scale;
  }
}
