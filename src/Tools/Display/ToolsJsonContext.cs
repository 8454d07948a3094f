// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json.Serialization;
using Hikae.Protocol.Control;
using Hikae.Tools.Doctor;

namespace Hikae.Tools.Display;

/// <summary>What --json prints. Every member is there, also when it is null: scripts need not ask.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(IReadOnlyList<GuestStatus>))]
[JsonSerializable(typeof(IReadOnlyList<Finding>))]
internal sealed partial class ToolsJsonContext : JsonSerializerContext;
