// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Labs;

/// <summary>A command failed, or a condition did not come true in time. The message ends with the logs of all hosts.</summary>
public sealed class LabException(string message) : Exception(message);
