// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>How long one step of a checkpoint's pause takes.</summary>
/// <param name="Step">stop, scan, copy, devices or cont; hikae(8) says what each is. Readers must expect others.</param>
/// <param name="MsP50">Milliseconds, median.</param>
/// <param name="MsP99">Milliseconds, 99th percentile. Those of all steps add up to more than the pause's.</param>
public sealed record PauseStep(string Step, double MsP50, double MsP99);
