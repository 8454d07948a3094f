// SPDX-License-Identifier: LGPL-2.1-or-later
using Xunit;

namespace Hikae.Packages.Tests;

/// <summary>Tests that share hosts and guest, in any order.</summary>
[CollectionDefinition]
public sealed class SharedPlayedHosts : ICollectionFixture<PlayedHosts>;
