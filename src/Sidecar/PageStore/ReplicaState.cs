// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.PageStore;

//   Idle ──begin──▶ Receiving ──commit, discard──▶ Idle
internal enum ReplicaState
{
    Idle,
    Receiving,
}
