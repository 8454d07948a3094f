// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Libvirt;

/// <summary>Something happened to a domain. What Event, Detail and Text mean depends on the kind; unused ones are 0 and null.</summary>
/// <param name="Kind">Decides the rest.</param>
/// <param name="Uuid">The domain; empty for <see cref="DomainEventKind.Missed"/> and <see cref="DomainEventKind.Closed"/>.</param>
/// <param name="Name">The domain's name; empty like <paramref name="Uuid"/>.</param>
/// <param name="Event">See <see cref="DomainEventKind"/>.</param>
/// <param name="Detail">See <see cref="DomainEventKind"/>.</param>
/// <param name="Text">See <see cref="DomainEventKind"/>.</param>
public sealed record DomainEvent(DomainEventKind Kind, string Uuid, string Name, int Event, int Detail, string? Text);
