// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;

namespace Hikae.Host.Control;

/// <summary>A sidecar as hikaed knows it: who it is, how to reach it, what it said last.</summary>
/// <param name="registration">Its first message.</param>
/// <param name="connection">Where it is reached.</param>
internal sealed class RegisteredSidecar(Register registration, ControlConnection connection)
{
    // set once
    public Register Registration { get; } = registration;

    public SidecarKey Key { get; } = new(registration.Uuid, registration.Role);

    public ControlConnection Connection { get; } = connection;

    // guarded by the registry

    /// <summary>In the order in which sidecars came.</summary>
    public long Number { get; set; }

    /// <summary>A backup that held a whole checkpoint at any time since it registered.</summary>
    public bool HasBeenReady { get; set; }

    public GuestStatus? LastStatus { get; set; }

    public long HeardAt { get; set; }

    public bool Connected { get; set; } = true;

    public bool SaidGoodbye { get; set; }

    public TaskCompletionSource<Result>? FailoverAnswer { get; set; }

    public string Guest => LastStatus?.Guest ?? Registration.Guest;
}
